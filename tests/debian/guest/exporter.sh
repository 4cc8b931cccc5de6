# The exporter, with a Prometheus.
# shellcheck shell=bash disable=SC2154

# Prints the value of the only series of a query to Prometheus.
prometheus() {
	curl --silent --fail --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
		sed -n 's/.*"value":\[[^,]*,"\([^"]*\)"\]}\]}}$/\1/p'
}

scrape() {
	systemctl enable --now dmp-exporter.service &&
		cat >>/etc/prometheus/prometheus.yml <<-'END' && systemctl reload prometheus.service

			  - job_name: dmp
			    scrape_interval: 1s
			    static_configs:
			      - targets: ['127.0.0.1:10367']
		END
}

not_as_root() {
	[[ $(ps -o user= -p "$(systemctl show -P MainPID dmp-exporter.service)") != root ]]
}

# Compares Prometheus' count of reads with the module's.
scraped() {
	[[ $(prometheus 'dmp_request_size_bytes_count{operation="read",name="vg-data"}') == "$(counter vg-data read/requests)" ]]
}

# The directory belongs to prometheus-node-exporter, which is not installed.
write_textfile() {
	mkdir -p /var/lib/prometheus/node-exporter &&
		systemctl start dmp-exporter-textfile.service
}

textfile_written() {
	local file=/var/lib/prometheus/node-exporter/dmp.prom
	[[ $(stat -c %a "$file") == 644 ]] && grep -q '^dmp_request_size_bytes_count{name="vg-data"' "$file" &&
		promtool check metrics <"$file"
}

remove_textfile() {
	systemctl stop dmp-exporter-textfile.service && rm -r /var/lib/prometheus/node-exporter
}
