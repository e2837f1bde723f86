#!/usr/bin/env bash
# The bill of materials of what the wheel brings, CycloneDX as JSON:  .ci/sbom.sh RELEASE_VENV
# It is taken of an environment that holds common-ml with the extras of its users, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
release=$1
version=$("$release/bin/python" -c 'import common_ml; print(common_ml.__version__)')
target=dist/common_ml-$version.cdx.json
shipped=.venvs/shipped

rm -rf "$shipped"
"$("$release/bin/python" -c 'import sys; print(sys._base_executable)')" -m venv --without-pip "$shipped"
"$release/bin/python" -m pip --python "$shipped/bin/python" install -qq \
    "$(echo dist/common_ml-"$version"-*.whl)[cli,data,clarifai,scale]"
"$release/bin/cyclonedx-py" environment "$shipped" --pyproject pyproject.toml --mc-type library \
    --output-reproducible --of JSON -o "$target"
"$release/bin/python" .ci/sbom_root.py "$target" "$version"
echo "$target"
