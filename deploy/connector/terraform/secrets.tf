# Containers of secrets only: a version made here would stand in Terraform's state as plain text.
# `deploy.sh secret CONNECTOR` adds one.

resource "google_secret_manager_secret" "mongodb_uri" {
  for_each = var.connectors

  secret_id = "${each.key}-mongodb-uri"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "mongodb_uri" {
  for_each = var.connectors

  secret_id = google_secret_manager_secret.mongodb_uri[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.connector[each.key].member
}

resource "google_secret_manager_secret_iam_member" "hmac_key" {
  for_each = { for id, connector in var.connectors : id => connector if connector.hmac_key_secret != null }

  secret_id = each.value.hmac_key_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.connector[each.key].member
}
