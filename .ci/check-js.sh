#!/bin/sh
# Types (tsc) and lint (Biome) of the pages' JavaScript:  .ci/check-js.sh
# The tools go into .ci/js/node_modules, with axe-core and tus-js-client, which tests of the service's
# page load. Without Node.js it says so and ends well,
# unless COMMON_ML_REQUIRE_NODE is set.
set -eu
cd "$(dirname "$0")/js"

if ! command -v npm >/dev/null 2>&1; then
    echo "check-js: Node.js is not installed, the page's JavaScript is not checked" >&2
    [ -z "${COMMON_ML_REQUIRE_NODE:-}" ]
    exit
fi
if [ ! -e node_modules/.installed ] || [ package.json -nt node_modules/.installed ]; then
    npm install --no-package-lock --no-audit --no-fund --silent
    touch node_modules/.installed
fi
node_modules/.bin/tsc --project tsconfig.json
node_modules/.bin/biome lint --config-path=. --error-on-warnings ../../common_ml/report/assets/*.js ../../common_ml/service/page/*.js
