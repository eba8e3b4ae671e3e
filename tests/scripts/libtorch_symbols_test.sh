#!/bin/bash
# libtorch holds a Protobuf of its own, older than the one that the server links. Both live in one
# process without meeting as long as libtorch's is hidden: fails if the two libraries export the same
# symbol of google::protobuf, because the loader would give both callers the same one.
#
#   libtorch_symbols_test.sh LIBTORCH LIBPROTOBUF
set -euo pipefail

# Mangled names of what belongs to google::protobuf: _ZN6google8protobuf… functions, _ZNK… const ones,
# _ZTVN… and the like type data. Templates of the standard library over its types are the same anywhere.
protobuf_symbols() {
  nm --dynamic --defined-only --without-symbol-versions "$1" |
    awk '$NF ~ /^_Z[A-Z]*6google8protobuf/ {print $NF}' | sort -u
}

torch_symbols=$(protobuf_symbols "$1")
system_symbols=$(protobuf_symbols "$2")
if (($(wc -l <<<"$system_symbols") < 1000)); then
  echo "nm finds hardly any symbol in $2, so this check would see nothing." >&2
  exit 1
fi
shared=$(comm -12 <(echo "$torch_symbols") <(echo "$system_symbols"))
if [[ -n $shared ]]; then
  echo "$1 and $2 both export:" >&2
  c++filt <<<"$shared" | head -n 20 >&2
  exit 1
fi
