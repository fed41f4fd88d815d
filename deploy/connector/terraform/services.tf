locals {
  apis = toset([
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
  ])
}

resource "google_project_service" "api" {
  for_each = local.apis

  service            = each.value
  disable_on_destroy = false
}

resource "google_cloud_run_v2_service" "connector" {
  for_each = var.connectors

  name     = each.key
  location = var.region
  # Nobody calls it: it has an address because probes and the metrics collector need a port.
  ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  # For the readiness probe.
  launch_stage        = "BETA"
  deletion_protection = true

  template {
    service_account       = google_service_account.connector[each.key].email
    execution_environment = "EXECUTION_ENVIRONMENT_GEN2"

    # One change stream has one reader: a second one would fence the first, and gain nothing.
    # More throughput is another connector for a part of the data, not another instance.
    scaling {
      min_instance_count = 1
      max_instance_count = 1
    }

    containers {
      name  = "connector"
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        # Without requests there would be no CPU, and the stream is never a request.
        cpu_idle          = false
        startup_cpu_boost = true
        limits = {
          cpu    = each.value.cpu
          memory = each.value.memory
        }
      }

      dynamic "env" {
        for_each = merge(
          {
            CONNECTOR_ID            = each.key
            WAREHOUSE_ID            = each.value.warehouse_id
            PUBSUB_PROJECT          = var.project
            RESUME_TOKEN_STORE      = "firestore"
            RESUME_TOKEN_COLLECTION = var.token_collection
            # Cloud Run kills ten seconds after SIGTERM.
            GRACE_SECONDS = "8"
          },
          each.value.settings,
        )

        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name = "MONGODB_URI"

        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.mongodb_uri[each.key].secret_id
            version = "latest"
          }
        }
      }

      dynamic "env" {
        for_each = each.value.hmac_key_secret == null ? [] : [each.value.hmac_key_secret]

        content {
          name = "HMAC_KEY"

          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 3
        timeout_seconds   = 2
        failure_threshold = 20

        http_get {
          path = "/health"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds  = 15
        timeout_seconds = 5
        # A minute: a restart costs a re-read of what was not confirmed.
        failure_threshold = 4

        http_get {
          path = "/health"
          port = 8080
        }
      }

      readiness_probe {
        period_seconds    = 15
        timeout_seconds   = 5
        success_threshold = 1
        failure_threshold = 3

        http_get {
          path = "/readiness"
          port = 8080
        }
      }
    }

    # Scrapes /metrics of port 8080 every 30 s into Managed Service for Prometheus.
    containers {
      name       = "collector"
      image      = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
      depends_on = ["connector"]
    }

    dynamic "vpc_access" {
      for_each = each.value.network == null ? [] : [each.value]

      content {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
        }
      }
    }
  }

  depends_on = [
    google_project_service.api,
    google_firestore_database.default,
    google_project_iam_member.firestore_user,
    google_pubsub_topic_iam_member.publisher,
    google_secret_manager_secret_iam_member.mongodb_uri,
    google_secret_manager_secret_iam_member.hmac_key,
  ]
}
