# One name for all of these.
{ runCommand, inputs }:
runCommand "dmp-check-inputs" { inherit inputs; } ''
  echo $inputs >$out
''
