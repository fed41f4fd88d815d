output "secrets" {
  description = "Where each connector's MongoDB URI belongs: `deploy.sh secret CONNECTOR`."
  value       = { for id, secret in google_secret_manager_secret.mongodb_uri : id => secret.secret_id }
}

output "service_accounts" {
  description = "Account of each connector."
  value       = { for id, account in google_service_account.connector : id => account.email }
}
