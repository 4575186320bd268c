#!/bin/sh
# Run the GPU benchmark where torch is present and nothing can be downloaded; wheels lie in data/wheels.
# usage: bench/gpu/run.sh [options of python -m bench.gpu]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
cd "$root"
python=${PYTHON:-python3}
place=$root/data/wheels-unpacked
if ! "$python" -c 'import diffusers, transformers, PIL' 2>/dev/null; then
    if [ ! -d "$place" ]; then
        "$python" -m pip install --quiet --no-index --no-deps --target "$place" data/wheels/*.whl
    fi
    PYTHONPATH=$place${PYTHONPATH:+:$PYTHONPATH}
    export PYTHONPATH
fi
exec "$python" -m bench.gpu "$@"
