#!/bin/bash
# get-kernel.sh SUITE OUTDIR: fetch and unpack (not install) the newest cloud kernel of a
# Debian suite: bookworm, bookworm-security, bookworm-backports, trixie, sid.  OUTDIR then
# holds vmlinuz, config, lib/modules/VERSION and "version".
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/apt-suite.sh"
suite=$1 out=$2 work=$2.apt

# the meta package names the versioned ones, which newer suites split further
kernel_packages() {
	local todo=(linux-image-cloud-amd64) seen=() package
	while [ ${#todo[@]} -gt 0 ]; do
		package=${todo[0]}
		todo=("${todo[@]:1}")
		case " ${seen[*]} " in *" $package "*) continue ;; esac
		seen+=("$package")
		mapfile -t -O ${#todo[@]} todo < <(suite_apt_cache show "$package" |
			sed -n '1,/^$/s/^Depends: //p' | tr ',|' '\n\n' | awk '{ print $1 }' |
			grep -E '^linux-(image-[0-9]|modules-[0-9]|binary-[0-9]|base-[0-9])')
	done
	printf '%s\n' "${seen[@]}"
}

rm -rf --one-file-system "$work" "$out"
mkdir -p "$out/lib/modules" "$work/tree"
suite_apt_open "$suite" "$work"
mapfile -t packages < <(kernel_packages)
cd "$work"
suite_apt download "${packages[@]}" >>log 2>&1 || { tail log >&2; exit 1; }
for deb in *.deb; do
	dpkg-deb -x "$deb" tree
done
modules=$(find tree -path '*lib/modules/*' -prune -type d | head -1)
version=${modules##*/}
cp "$(find tree -type f -name 'vmlinuz*' | head -1)" "$out/vmlinuz"
config=$(find tree -type f -name 'config*' | head -1)
[ -z "$config" ] || cp "$config" "$out/config"
mv "$modules" "$out/lib/modules/$version"
rm -f "$out/lib/modules/$version"/{build,source}
echo "$version" >"$out/version"
cd /
rm -rf --one-file-system "$work"
echo "vm-build: kernel of $suite: $version"
