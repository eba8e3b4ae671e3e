#!/bin/bash
# Each script of scripts/ refuses an unknown option with exit code 2 and one line that names it, before
# it does anything; and --help prints its manual.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=no
fail() { echo "$*" >&2; failed=yes; }

for script in scripts/*; do
  if [[ ! -x $script ]]; then continue; fi  # common.sh is sourced
  rc=0
  said=$("$script" --no-such-option 2>&1) || rc=$?
  [[ $rc == 2 ]] || fail "$script --no-such-option: exit code $rc, not 2"
  [[ $said == *"'--no-such-option'"* && $(wc -l <<<"$said") == 1 ]] || fail "$script said: $said"
  [[ $("$script" --help) == *"$script"* ]] || fail "$script --help does not show how to call it"
done
[[ $failed == no ]]
