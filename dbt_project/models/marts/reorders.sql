with

restocks as (

    select
        *,
        coalesce(ordered_at, received_at) as noticed_at,
    from {{ ref('int_supplies_received') }}
    where transaction_type = 'RESTOCK'

),

alerts as (

    select * from {{ ref('stg_out__alerts') }}

),

products as (

    select * from {{ ref('stg_core__products') }}

),

{# One alert fires a key at a time; two that meet at one instant are told apart by the later opening. #}
prompted as (

    select
        restocks.transaction_key,
        max_by(alerts.alert_id, alerts.opened_at) as alert_id,
        max_by(alerts.alert_type, alerts.opened_at) as alert_type,
        max(alerts.opened_at) as alert_opened_at,
    from restocks
    inner join alerts
        on
            restocks.warehouse_id = alerts.warehouse_id
            and restocks.sku = alerts.sku
            and restocks.noticed_at >= alerts.opened_at
            and (alerts.resolved_at is null or restocks.noticed_at <= alerts.resolved_at)
    group by restocks.transaction_key

),

reorders as (

    select
        {{ key_of(['restocks.warehouse_id', 'restocks.transaction_id']) }} as reorder_id,
        restocks.transaction_id,
        restocks.warehouse_id,
        restocks.sku,
        restocks.ordered_at,
        restocks.received_at,
        restocks.cancelled_at,
        restocks.ordered_units,
        restocks.received_units,
        restocks.available_when_ordered,
        restocks.available_before_receipt,
        restocks.available_before_receipt > 0 as is_in_time,
        {{ seconds_between('restocks.ordered_at', 'restocks.received_at') }} / 86400 as lead_days,
        products.lead_time_days as stated_lead_days,
        prompted.alert_id,
        prompted.alert_type,
        {{ seconds_between('prompted.alert_opened_at', 'restocks.ordered_at') }} / 3600 as alert_to_order_hours,
        {{ seconds_between('prompted.alert_opened_at', 'restocks.received_at') }} / 3600 as alert_to_receipt_hours,
        restocks.version,
    from restocks
    left join prompted on restocks.transaction_key = prompted.transaction_key
    left join products on restocks.sku = products.sku

)

select * from reorders
