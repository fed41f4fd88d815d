{{ config(meta={'dagster': {'ref': {'name': 'weekly_transactions'}}}) }}
-- A sale is in exactly one week.
with

days as (

    select {{ units('sold_units') }} as sold_units
    from {{ ref('daily_transactions') }}

),

weeks as (

    select {{ units('sold_units') }} as sold_units
    from {{ ref('weekly_transactions') }}

)

select
    days.sold_units,
    weeks.sold_units as weekly_sold_units,
from days
cross join weeks
where coalesce(days.sold_units, 0) != coalesce(weeks.sold_units, 0)
