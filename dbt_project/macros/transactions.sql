{# Units that moved, by what moved them: COMPLETED versions only, an order's as a positive number of units sold. #}
{% macro completed_units() -%}
    {{ units_where('-quantity', "transaction_type = 'ORDER' and status = 'COMPLETED'") }} as sold_units,
    {{ units_where('quantity', "transaction_type = 'RETURN' and status = 'COMPLETED'") }} as returned_units,
    {{ units_where('quantity', "transaction_type = 'RESTOCK' and status = 'COMPLETED'") }} as restocked_units,
    {{ units_where('quantity', "transaction_type = 'ADJUSTMENT' and status = 'COMPLETED'") }} as adjusted_units,
    {{ units_where('quantity', "transaction_type = 'TRANSFER' and status = 'COMPLETED'") }} as transferred_units
{%- endmacro %}

{# Versions that moved nothing yet, or never will. #}
{% macro status_counts() -%}
    {{ units_where('transaction_count', "status = 'PENDING'") }} as pending_count,
    {{ units_where('transaction_count', "status = 'CANCELLED'") }} as cancelled_count
{%- endmacro %}
