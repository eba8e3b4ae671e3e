#!/bin/bash
# libtorch holds a Protobuf of its own, older than the one that the server links. Both live in one
# process without meeting as long as libtorch's is hidden: fails if LIBRARY exports a symbol that
# belongs to google::protobuf. Harmless are templates of Protobuf for torch's own messages (onnx_torch),
# which nothing else instantiates, and functions of other owners that only mention its types.
#
#   libtorch_symbols_test.sh LIBRARY
set -euo pipefail

exported=$(nm --dynamic --defined-only "$1" | awk '{print $NF}')
if [[ $(wc -l <<<"$exported") -lt 1000 ]]; then
  echo "nm lists hardly any symbol of $1, so this check would see nothing." >&2
  exit 1
fi
# Mangled names: _ZN6google8protobuf… functions, _ZNK… const ones, _ZTVN… and the like type data.
leaked=$(grep -E '^_Z[A-Z]*6google8protobuf' <<<"$exported" | grep -v 10onnx_torch || true)
if [[ -n $leaked ]]; then
  echo "$1 exports symbols of its own Protobuf, which would clash with the server's:" >&2
  c++filt <<<"$leaked" | head -n 20 >&2
  exit 1
fi
