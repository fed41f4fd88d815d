with

days as (

    select
        {{ week_of('event_date') }} as week_start_date,
        daily_transactions.*,
    from {{ ref('daily_transactions') }} as daily_transactions

),

summed as (

    select
        week_start_date,
        warehouse_id,
        sku,
        count(*) as traded_days,
        {{ units('transaction_count') }} as transaction_count,
        {{ units('sold_units') }} as sold_units,
        {{ units('returned_units') }} as returned_units,
        {{ units('restocked_units') }} as restocked_units,
        {{ units('adjusted_units') }} as adjusted_units,
        {{ units('transferred_units') }} as transferred_units,
        {{ units('pending_count') }} as pending_count,
        {{ units('cancelled_count') }} as cancelled_count,
        max(largest_quantity) as largest_quantity,
        max(version) as version,
    from days
    group by week_start_date, warehouse_id, sku

),

keyed as (

    select
        {{ key_of(['week_start_date', 'warehouse_id', 'sku']) }} as weekly_transaction_id,
        summed.*,
        -- The last day of a complete week lies before today.
        {{ days_between('week_start_date', today()) }} > 6 as is_complete,
    from summed

)

select * from keyed
