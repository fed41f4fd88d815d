# An account for each connector, with no more than it uses. A connector publishes and subscribes to
# nothing, so there is no subscriber role.

resource "google_service_account" "connector" {
  for_each = var.connectors

  account_id   = each.key
  display_name = "Connector ${each.key}"
  description  = "Reads the change stream of ${each.value.warehouse_id} and publishes it to Pub/Sub."
}

locals {
  publications = {
    for pair in setproduct(keys(var.connectors), var.topics) :
    "${pair[0]}/${pair[1]}" => { connector = pair[0], topic = pair[1] }
  }
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publications

  topic  = each.value.topic
  role   = "roles/pubsub.publisher"
  member = google_service_account.connector[each.value.connector].member
}

resource "google_project_iam_member" "firestore_user" {
  for_each = var.connectors

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.connector[each.key].member
}

resource "google_project_iam_member" "metric_writer" {
  for_each = var.connectors

  project = var.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.connector[each.key].member
}

resource "google_project_iam_member" "log_writer" {
  for_each = var.connectors

  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.connector[each.key].member
}
