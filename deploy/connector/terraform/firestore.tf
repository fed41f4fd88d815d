resource "google_firestore_database" "default" {
  count = var.create_firestore_database ? 1 : 0

  name        = "(default)"
  location_id = var.region
  type        = "FIRESTORE_NATIVE"
  # Tokens that are gone mean a copy of every collection.
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  deletion_policy                   = "ABANDON"

  depends_on = [google_project_service.api]
}

# The collection comes with its first document. Documents are read by id only, so the indexes that
# Firestore keeps for every field would cost a write each at every save, for nothing.
resource "google_firestore_field" "no_indexes" {
  database   = "(default)"
  collection = var.token_collection
  field      = "*"

  index_config {}

  depends_on = [google_firestore_database.default]
}
