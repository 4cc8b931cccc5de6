# Each program that the documentation names starts and tells its usage.
{
  runCommand,
  # The flake's programs, but for those that differ from another one only in the kernel they boot.
  programs,
}:
runCommand "dmp-starts" { inherit programs; } ''
  for program in $programs; do
    usage=$($program --help)
    if [[ $usage != *Usage:* ]]; then
      echo "$program --help does not print its usage, but: $usage" >&2
      exit 1
    fi
  done
  echo $programs >$out
''
