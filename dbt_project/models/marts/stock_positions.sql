with

states as (

    select * from {{ ref('stg_core__sku_states') }}

),

products as (

    select * from {{ ref('stg_core__products') }}

),

thresholds as (

    select * from {{ ref('stg_core__resolved_thresholds') }}

),

firing as (

    select * from {{ ref('stg_out__alerts') }}
    where state = 'firing'

),

positions as (

    select
        {{ key_of(['states.warehouse_id', 'states.sku']) }} as stock_position_id,
        states.warehouse_id,
        states.sku,
        products.product_name,
        products.variant_name,
        products.supplier_id,
        states.department_id,
        states.category_id,
        states.brand_id,
        states.product_id,
        states.on_hand,
        states.reserved,
        states.available,
        states.inbound,
        states.is_active,
        states.is_negative,
        states.is_over_reserved,
        states.is_restock_in_progress,
        thresholds.min_threshold_qty,
        thresholds.reorder_threshold_qty,
        thresholds.min_threshold_days,
        thresholds.reorder_threshold_days,
        thresholds.rule_level_type,
        firing.alert_id as firing_alert_id,
        firing.alert_type as firing_alert_type,
        products.lead_time_days,
        products.order_up_to,
        products.unit_price,
        states.last_event_at,
        states.version,
    from states
    left join products on states.sku = products.sku
    left join thresholds on states.warehouse_id = thresholds.warehouse_id and states.sku = thresholds.sku
    left join firing on states.warehouse_id = firing.warehouse_id and states.sku = firing.sku

)

select * from positions
