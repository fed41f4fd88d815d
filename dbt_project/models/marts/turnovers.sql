with

keys as (

    select * from {{ ref('int_keys_summarised') }}

),

averaged as (

    select
        {{ key_of(['warehouse_id', 'sku']) }} as turnover_id,
        warehouse_id,
        sku,
        as_of_date,
        quarter_observed_days as observed_days,
        quarter_sold_units as sold_units,
        {{ share('quarter_on_hand_unit_days', 'quarter_observed_days') }} as average_on_hand,
    from keys

),

turnovers as (

    select
        *,
        {{ share('sold_units', 'average_on_hand') }} as turnover,
        {{ share('sold_units', 'average_on_hand') }} * 365 / observed_days as yearly_turnover,
        {{ share('average_on_hand * observed_days', 'sold_units') }} as inventory_days,
    from averaged

)

select * from turnovers
