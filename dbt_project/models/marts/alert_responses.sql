{# A worse alert takes over from a milder one, so supply answers every alert that opened before it: up to the next
   alert of the same type. #}
with

alerts as (

    select
        *,
        lead(opened_at) over (partition by warehouse_id, sku, alert_type order by opened_at, alert_id)
            as next_opened_at,
    from {{ ref('stg_out__alerts') }}

),

qualities as (

    select * from {{ ref('stg_out__alert_qualities') }}

),

supplies as (

    select * from {{ ref('int_supplies_received') }}

),

supplied as (

    select
        alerts.alert_id,
        min(case when supplies.ordered_at >= alerts.opened_at then supplies.ordered_at end) as ordered_at,
        min(case when supplies.received_at >= alerts.opened_at then supplies.received_at end) as received_at,
    from alerts
    inner join supplies
        on
            alerts.warehouse_id = supplies.warehouse_id
            and alerts.sku = supplies.sku
            and coalesce(supplies.received_at, supplies.ordered_at) >= alerts.opened_at
            and (
                alerts.next_opened_at is null
                or coalesce(supplies.ordered_at, supplies.received_at) < alerts.next_opened_at
            )
    group by alerts.alert_id

),

responses as (

    select
        alerts.alert_id as alert_response_id,
        alerts.warehouse_id,
        alerts.sku,
        alerts.alert_type,
        alerts.priority,
        alerts.state,
        qualities.rule,
        qualities.owner,
        alerts.threshold,
        alerts.available_at_breach,
        alerts.opened_at,
        cast(alerts.opened_at as date) as opened_date,
        qualities.first_told_at,
        qualities.first_acknowledged_at,
        supplied.ordered_at,
        supplied.received_at,
        alerts.resolved_at,
        alerts.resolved_reason,
        qualities.acknowledge_minutes,
        {{ seconds_between('alerts.opened_at', 'supplied.ordered_at') }} / 3600 as order_hours,
        {{ seconds_between('alerts.opened_at', 'supplied.received_at') }} / 3600 as receipt_hours,
        qualities.resolve_minutes / 60 as resolve_hours,
        alerts.notification_count,
        qualities.reopened_count,
        qualities.is_false,
        qualities.is_repeat,
        coalesce(alerts.is_untrusted, false) as is_untrusted,
        alerts.version,
    from alerts
    left join qualities on alerts.alert_id = qualities.alert_id
    left join supplied on alerts.alert_id = supplied.alert_id

)

select * from responses
