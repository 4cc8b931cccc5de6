# A fleet of exporters, with Prometheus, VictoriaMetrics and Alertmanager: prometheus/fleet.py. The
# build takes 25 minutes, and its output is a table of what was measured.
{
  runCommand,
  python3,
  prometheus,
  victoriametrics,
  prometheus-alertmanager,
  dmpstat,
}:
let
  source = import ../tests/source.nix {
    wanted = [ "dmpstat|dmpstat/(prometheus(/.*)?|tests(/snapshots(/.*)?)?)" ];
  };
in
runCommand "dmp-fleet"
  {
    nativeBuildInputs = [
      python3
      dmpstat
      prometheus
      prometheus.cli
      victoriametrics
      prometheus-alertmanager
    ];
    meta.description = "Prometheus' and VictoriaMetrics' results of a fleet of exporters";
  }
  ''
    mkdir $out
    python3 -B ${source}/dmpstat/prometheus/fleet.py >$out/log
  ''
