# Prints CHANGELOG.md in Debian's form: an entry of the package `package` for each version.
#
# `unreleased` is the day of a version without one, because an entry needs a date.

function end_entry() {
	if (day) {
		command = "date --rfc-email --utc --date '" day " 12:00'"
		command | getline date
		close(command)
		printf " -- %s  %s\n\n", maintainer, date
	}
}

# "## 1.1.0 (2026-11-30)"
/^## / {
	end_entry()
	day = substr($3, 2, length($3) - 2)
	if (day == "unreleased") {
		day = unreleased
	}
	printf "%s (%s) unstable; urgency=medium\n", package, $2
	next
}

!day { next }

/^### / { $0 = "[ " $2 " ]" }

/./ {
	sub(/^-/, "*")
	$0 = "  " $0
}

{ print }

END {
	print ""
	end_entry()
}
