# To be sourced in the checkout: our settings alone, whatever the user's shell or home holds for
# other tools.
unset $(env | sed -nE 's/^((BASH_ENV|IPYTHON|JUPYTER|MATPLOTLIB|MPL|PYTEST|PYTHON|SNAKEMAKE)[A-Z0-9_]*)=.*/\1/p')
here=$(pwd -P)
export PATH="$here/.venv/bin:$PATH" PYTHONPATH="$here/lib" PYTHONUTF8=1 XDG_CACHE_HOME="$here/.snakemake/cache"
for name in IPYTHONDIR JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR MPLCONFIGDIR; do
  export "$name=$here/.venv/own"
done
# Stop where nothing can be written, before half a build is; 64 MB are more than all that it writes.
for folder in "$here" "$here/.snakemake" "$here/logs" "$here/results"; do
  if [ -e "$folder" ] && [ ! -w "$folder" ]; then
    echo "Nothing can be written to $folder: change that, or build in a copy of your own." >&2
    exit 1
  elif [ -e "$folder" ] && [ "$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')" -lt 64 ]; then
    echo "The disk of $folder is full: make room, 64 MB at least." >&2
    exit 1
  fi
done
