# Metrics come from the collector beside each connector; their names are those of
# `inventory_assets/connector/ops/metrics.py`, and a test holds these queries to them.
# A policy with a PromQL condition has no other, so there is one policy a rule.

locals {
  rules = {
    errors = {
      title = "more than 1 % of changes fail"
      # Failed publishes are sent again and dead letters are kept: nothing is lost, and something is wrong.
      query    = <<-PROMQL
        (
          (sum by (connector_id) (rate(inventory_connector_messages_failed_total[5m])) or 0 * sum by (connector_id) (rate(inventory_connector_changes_read_total[5m])))
          + (sum by (connector_id) (rate(inventory_connector_changes_dead_lettered_total[5m])) or 0 * sum by (connector_id) (rate(inventory_connector_changes_read_total[5m])))
        )
        / sum by (connector_id) (rate(inventory_connector_changes_read_total[5m])) > 0.01
      PROMQL
      duration = "120s"
      severity = "ERROR"
      runbook  = "`/readiness` says which dependency; `reason` of changes_dead_lettered_total says which documents."
    }
    lag = {
      title = "messages are more than two minutes behind"
      # A copy reads the past on purpose.
      query    = <<-PROMQL
        max by (connector_id) (inventory_connector_lag_seconds) > 120
        unless on (connector_id) max by (connector_id) (inventory_connector_copies_in_progress) > 0
      PROMQL
      duration = "60s"
      severity = "WARNING"
      runbook  = "Compare publish_seconds and in_flight_bytes (a slow Pub/Sub) with changes_read_total (a burst)."
    }
    stalled = {
      title    = "the stream has not moved for five minutes"
      query    = <<-PROMQL
        max by (connector_id) (inventory_connector_turn_age_seconds) > 300
        or max by (connector_id) (inventory_connector_token_age_seconds) > 300
        unless on (connector_id) max by (connector_id) (inventory_connector_copies_in_progress) > 0
      PROMQL
      duration = "60s"
      severity = "CRITICAL"
      runbook  = "See circuit_state. The token is lost once the oplog's retention passes it."
    }
    circuit = {
      title    = "a dependency has been given up for two minutes"
      query    = "max by (connector_id, dependency) (inventory_connector_circuit_state) > 0"
      duration = "120s"
      severity = "ERROR"
      runbook  = "The label `dependency` says whether MongoDB or Pub/Sub; `/readiness` says why."
    }
    token_lost = {
      title    = "changes were lost from the stream"
      query    = "sum by (connector_id) (increase(inventory_connector_tokens_lost_total[15m])) > 0"
      duration = "0s"
      severity = "CRITICAL"
      runbook  = "The connector copies its collections anew, or waits for `inventory connector snapshot`: see docs/connector.md."
    }
  }
}

resource "google_monitoring_alert_policy" "rule" {
  for_each = local.rules

  display_name          = "Connector: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.duration
      evaluation_interval = "30s"
    }
  }

  documentation {
    content   = each.value.runbook
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.api]
}

# One for each connector: what is not there has no label that says which it is.
resource "google_monitoring_alert_policy" "no_heartbeat" {
  for_each = var.connectors

  display_name          = "Connector ${each.key}: no heartbeat"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = var.notification_channels

  conditions {
    display_name = "no heartbeat was confirmed, or the connector is gone"

    condition_prometheus_query_language {
      query               = <<-PROMQL
        max(inventory_connector_heartbeat_age_seconds{connector_id="${each.key}"}) > 100
        or absent_over_time(inventory_connector_heartbeat_age_seconds{connector_id="${each.key}"}[3m])
      PROMQL
      duration            = "60s"
      evaluation_interval = "30s"
    }
  }

  documentation {
    content   = "${each.value.warehouse_id} sends nothing. Look at the service's log, then at its database; see docs/connector.md."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_dashboard" "connectors" {
  dashboard_json = file("${path.module}/../dashboard.json")

  depends_on = [google_project_service.api]
}
