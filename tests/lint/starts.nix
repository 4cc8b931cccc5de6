# Tests that each program in the documentation starts and prints its usage.
{
  runCommand,
  # The flake's programs, without those that differ from another one only in the kernel.
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
