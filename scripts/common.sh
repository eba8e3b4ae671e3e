# shellcheck shell=bash
#
# Shared by the scripts of this folder, which source it after `set -euo pipefail`. It changes to the
# repository's root, so that all paths below are relative to it.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

say() { echo "$(basename "$0"): $*"; }

# Ends the script with one sentence that says what is wrong and what to do.
die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# As die, for an argument that the script does not know: exit code 2, as for the programs.
wrong_usage() {
  echo "$(basename "$0"): $* See $0 --help." >&2
  exit 2
}

# Prints the comment at the top of the script, which is its manual.
help() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# How many compilers to run at once: one for each core, as far as memory carries it. A file that
# includes libtorch takes up to 1.5 GB.
parallel_jobs() {
  local cores available_kb by_memory
  cores=$(nproc)
  available_kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  by_memory=$((available_kb / 1572864))
  if ((by_memory < 1)); then by_memory=1; fi
  echo $((cores < by_memory ? cores : by_memory))
}

# require_preset NAME: stops unless CMakePresets.json has it.
require_preset() {
  local presets
  presets=$(sed -n '/"configurePresets"/,/"buildPresets"/s/.*"name": "\([a-z-]*\)".*/\1/p' CMakePresets.json |
            grep -vx base | paste -sd ' ')
  [[ " $presets " == *" $1 "* ]] || wrong_usage "There is no preset '$1'; there are: $presets."
}

# Passes on the names of files that exist: git also lists those just deleted.
existing_files() {
  local file
  while read -r file; do
    if [[ -f $file ]]; then echo "$file"; fi
  done
}
