terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source = "hashicorp/google"
      # 7: the readiness probe of Cloud Run services.
      version = ">= 7.0, < 8.0"
    }
  }

  # The bucket is given to `terraform init -backend-config="bucket=…"`.
  backend "gcs" {
    prefix = "inventory-connectors"
  }
}

provider "google" {
  project = var.project
  region  = var.region
}
