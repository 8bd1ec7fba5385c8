# shellcheck shell=bash
# apt-suite.sh: to be sourced.  Fetches packages of another Debian suite than the machine's,
# from the mirror that the machine's own apt uses, without touching the machine's apt state.

# suite_mirror SUITE: the mirror's address ($VM_MIRROR and $VM_SECURITY_MIRROR override it)
suite_mirror() {
	local own override
	own=$(. /etc/os-release && echo "$VERSION_CODENAME")
	case $1 in
	*-security) own=$own-security override=${VM_SECURITY_MIRROR:-} ;;
	*) override=${VM_MIRROR:-} ;;
	esac
	[ -z "$override" ] || { echo "$override"; return; }
	apt-get indextargets --no-release-info --format '$(RELEASE) $(SITE)' |
		awk -v own="$own" '$1 == own { print $2; exit }'
}

# suite_apt_open SUITE DIR: download SUITE's package list into the new folder DIR; afterwards
# suite_apt and suite_apt_cache run apt-get and apt-cache on that suite alone
suite_apt_open() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
	mirror=$(suite_mirror "$1")
	[ -n "$mirror" ] || { echo "no mirror of Debian in apt's sources" >&2; return 1; }
	mkdir -p "$2/lists/partial" "$2/cache/archives/partial"
	: >"$2/status"
	echo "deb [signed-by=$keyring] $mirror $1 main" >"$2/sources.list"
	suite_dir=$2
	suite_apt update >"$2/log" 2>&1 || { tail "$2/log" >&2; return 1; }
}

# an empty status file: apt takes no package for installed; a mirror may be a frozen one, whose
# Release file is no longer valid
suite_options() {
	printf '%s\n' -q -o "Dir::State::Lists=$suite_dir/lists" \
		-o "Dir::State::status=$suite_dir/status" -o "Dir::Cache=$suite_dir/cache" \
		-o "Dir::Etc::SourceList=$suite_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Sandbox::User=root -o Acquire::Languages=none \
		-o Acquire::Check-Valid-Until=false -o Acquire::Retries=3
}

suite_apt() {
	local options
	mapfile -t options < <(suite_options)
	apt-get "${options[@]}" "$@"
}

suite_apt_cache() {
	local options
	mapfile -t options < <(suite_options)
	apt-cache "${options[@]}" "$@"
}
