#!/usr/bin/env bash
# Build, push and apply; or set a connector's secret.
#
#   deploy/connector/deploy.sh secret CONNECTOR        reads the MongoDB URI from standard input
#   deploy/connector/deploy.sh image                   builds and pushes, prints the image by digest
#   deploy/connector/deploy.sh apply IMAGE             applies Terraform with it
#
# Needs PROJECT; REGION and REPOSITORY have defaults. A first start is: `terraform apply
# -target=google_secret_manager_secret.mongodb_uri`, `secret` for each connector, `image`, `apply`.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${PROJECT:?set PROJECT to the Google Cloud project}"
REGION="${REGION:-us-central1}"
REPOSITORY="${REPOSITORY:-inventory}"
NAME="$REGION-docker.pkg.dev/$PROJECT/$REPOSITORY/connector"

case "${1:-}" in
secret)
    : "${2:?name the connector, such as connector-wh-east-1}"
    # From standard input: an argument would be in the shell's history and in the process list.
    gcloud secrets versions add "$2-mongodb-uri" --project "$PROJECT" --data-file=-
    ;;
image)
    tag="$NAME:$(git rev-parse --short=12 HEAD)"
    docker build --file deploy/connector/Dockerfile --tag "$tag" . >&2
    docker push "$tag" >&2
    # By digest, so that what was tested is what runs, whatever the tag says later.
    docker inspect --format '{{index .RepoDigests 0}}' "$tag"
    ;;
apply)
    : "${2:?name the image, as \`image\` printed it}"
    terraform -chdir=deploy/connector/terraform init -input=false
    terraform -chdir=deploy/connector/terraform apply \
        -var "project=$PROJECT" -var "region=$REGION" -var "image=$2"
    ;;
*)
    sed -n '2,9p' "$0" >&2
    exit 2
    ;;
esac
