# Completion of cnn in zsh. In ~/.zshrc, behind compinit:  source <(cnn completions zsh)
_cnn() {
  # the program is asked under its own name, by whatever path it was called
  local line="cnn ${(j: :)words[2,CURRENT]}"
  local -a known
  known=(${(f)"$($words[1] "[suggest:${#line}]" "$line" 2>/dev/null)"})
  compset -P '--*='
  compadd -- $known
  # where no word of the program's own is possible, a file may be
  if [[ $PREFIX != -* && -z ${(M)known:#[^-]*} ]]; then
    _files
  fi
}
compdef _cnn cnn
