# Completion of cnn in fish. In ~/.config/fish/config.fish:  cnn completions fish | source
function __cnn_complete
    set -l program (commandline -opc)[1]
    set -l current (commandline -ct)
    # the program is asked under its own name, by whatever path it was called
    set -l line (string replace -r '^\s*\S+' cnn -- (commandline -cp))
    set -l known ($program "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)
    printf '%s\n' $known
    # where no word of the program's own is possible, a file may be
    if not string match -q -- '-*' "$current"; and not string match -qr '^[^-]' -- $known
        __fish_complete_path "$current"
    end
end
complete -c cnn -f -a '(__cnn_complete)'
