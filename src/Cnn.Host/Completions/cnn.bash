# Completion of cnn in bash. In ~/.bashrc:  source <(cnn completions bash)
_cnn() {
  local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} known IFS=$'\n'
  # the program is asked under its own name, by whatever path it was called
  line=cnn${line#"${COMP_WORDS[0]}"}
  known=$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)
  [ "$current" = "=" ] && current=
  COMPREPLY=($(compgen -W "$known" -- "$current"))
  # where no word of the program's own is possible, a file may be
  if [[ $current != -* && $'\n'$known != *$'\n'[!-]* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -F _cnn cnn
