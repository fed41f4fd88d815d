with

positions as (

    select
        warehouse_id,
        {{ rows_where('is_active') }} as active_keys,
        {{ units_where('on_hand', 'is_active') }} as on_hand,
        {{ units_where('available', 'is_active') }} as available,
        {{ units_where('inbound', 'is_active') }} as inbound,
        {{ rows_where('is_active and available <= 0') }} as out_keys,
        {{ rows_where('firing_alert_id is not null') }} as firing_alerts,
    from {{ ref('stock_positions') }}
    group by warehouse_id

),

valuations as (

    select
        warehouse_id,
        sum(inventory_value) as inventory_value,
        sum(revenue_at_risk) as revenue_at_risk,
        {{ share(rows_where('unit_price is not null'), 'count(*)') }} as priced_share,
    from {{ ref('inventory_values') }}
    group by warehouse_id

),

keys as (

    select
        warehouse_id,
        max(as_of_date) as as_of_date,
        {{ units('month_sold_units') }} as month_sold_units,
        {{ units('quarter_sold_units') }} as quarter_sold_units,
        -- Over the longest window that any key has: a key that came later had no stock before.
        {{ share('sum(quarter_on_hand_unit_days)', 'max(quarter_observed_days)') }} as average_on_hand,
        max(quarter_observed_days) as observed_days,
        1 - {{ share('sum(month_stockout_seconds)', '86400 * sum(month_active_days)') }} as month_in_stock_share,
    from {{ ref('int_keys_summarised') }}
    group by warehouse_id

),

fills as (

    select
        warehouse_id,
        1 - {{ share('sum(short_units)', 'sum(judged_units)') }} as month_fill_rate,
        sum(estimated_unmet_units) as month_estimated_unmet_units,
        {{ share(
            'sum(judged_units - short_units)', 'sum(judged_units + coalesce(estimated_unmet_units, 0))',
        ) }} as month_estimated_demand_fill_rate,
    from {{ ref('fill_rates') }}
    group by warehouse_id

),

dead as (

    select
        warehouse_id,
        count(*) as dead_keys,
        {{ units('on_hand') }} as dead_units,
    from {{ ref('dead_stocks') }}
    group by warehouse_id

),

responses as (

    select
        warehouse_id,
        {{ median_of('receipt_hours') }} as median_receipt_hours,
    from {{ ref('alert_responses') }}
    group by warehouse_id

),

warehouses as (

    select
        positions.warehouse_id,
        keys.as_of_date,
        positions.active_keys,
        positions.on_hand,
        positions.available,
        positions.inbound,
        positions.out_keys,
        {{ share('positions.out_keys', 'positions.active_keys') }} as out_share,
        positions.firing_alerts,
        valuations.inventory_value,
        valuations.revenue_at_risk,
        valuations.priced_share,
        keys.month_sold_units,
        keys.quarter_sold_units,
        {{ share('keys.quarter_sold_units', 'keys.average_on_hand') }} * 365 / keys.observed_days as yearly_turnover,
        keys.month_in_stock_share,
        fills.month_fill_rate,
        fills.month_estimated_unmet_units,
        fills.month_estimated_demand_fill_rate,
        coalesce(dead.dead_keys, 0) as dead_keys,
        coalesce(dead.dead_units, 0) as dead_units,
        responses.median_receipt_hours,
    from positions
    left join valuations on positions.warehouse_id = valuations.warehouse_id
    left join keys on positions.warehouse_id = keys.warehouse_id
    left join fills on positions.warehouse_id = fills.warehouse_id
    left join dead on positions.warehouse_id = dead.warehouse_id
    left join responses on positions.warehouse_id = responses.warehouse_id

)

select * from warehouses
