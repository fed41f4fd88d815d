{# Sums in units: 64-bit integers (DuckDB would widen them), null where there is nothing to add. #}
{% macro units(expression) -%} cast(sum({{ expression }}) as bigint) {%- endmacro %}

{# Units of the rows for which a condition holds; 0 where it holds for none. #}
{% macro units_where(expression, condition) -%}
    cast(coalesce(sum(case when {{ condition }} then {{ expression }} end), 0) as bigint)
{%- endmacro %}

{# How many rows a condition holds for. #}
{% macro rows_where(condition) -%} cast(count(case when {{ condition }} then 1 end) as bigint) {%- endmacro %}

{# A quotient; null, never an error, where there is nothing to divide by. #}
{% macro share(part, whole) -%} ({{ part }}) / nullif({{ whole }}, 0) {%- endmacro %}

{# The UTC day of this build, by the clock of the product where that begins it: it is not complete, so no daily figure
   includes it. Not asked for at parsing: each day would parse anew. #}
{% macro today() -%}
    {%- set machine = run_started_at.strftime("%Y-%m-%d") -%}
    cast('{{ env_var("INVENTORY_TODAY", machine) if execute else machine }}' as date)
{%- endmacro %}

{# A number, but not below 0; null stays null, where DuckDB's `greatest` would say 0. #}
{% macro at_least_zero(expression) -%} case when ({{ expression }}) < 0 then 0 else {{ expression }} end {%- endmacro %}
