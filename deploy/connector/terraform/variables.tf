variable "project" {
  description = "Google Cloud project of everything here."
  type        = string
}

variable "region" {
  description = "Region of the services: near the databases, as every change crosses that way."
  type        = string
  default     = "us-central1"
}

variable "image" {
  description = "The connector's image, best by digest; `deploy.sh image` prints it."
  type        = string
}

# One entry is one database: a warehouse, a region or a shard. A new warehouse is an entry here, its
# secret (`deploy.sh secret`), and `terraform apply`; nothing else changes, here or in the lake.
variable "connectors" {
  description = "Connectors by id; the id names the service, its account, its secret and its resume token."
  type = map(object({
    warehouse_id = string
    cpu          = optional(string, "1")
    memory       = optional(string, "1Gi")
    # More settings by their names in docs/connector.md, such as COLLECTIONS_TO_WATCH.
    settings = optional(map(string), {})
    # Secret Manager secret with HMAC_KEY, where HMAC_FIELDS is set.
    hmac_key_secret = optional(string)
    # For a database with a private address.
    network    = optional(string)
    subnetwork = optional(string)
  }))

  validation {
    # Of service accounts: 6 to 30 characters.
    condition     = alltrue([for id in keys(var.connectors) : can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", id))])
    error_message = "A connector's id has 6 to 30 of a-z, 0-9 and -, begins with a letter and does not end with -."
  }
}

variable "topics" {
  description = "Topics the connectors publish to; `inventory topics apply` creates them."
  type        = set(string)
  default = [
    "inventory-transactions-topic",
    "inventory-updates-topic",
    "thresholds-topic",
    "status-topic",
    "dead-letter-topic",
  ]
}

variable "token_collection" {
  description = "Firestore collection of the resume tokens."
  type        = string
  default     = "resumeTokens"
}

variable "create_firestore_database" {
  description = "False where the project has its (default) database already: there is one only."
  type        = bool
  default     = true
}

variable "notification_channels" {
  description = "Monitoring channels that alerts go to, as projects/…/notificationChannels/…."
  type        = list(string)
  default     = []
}
