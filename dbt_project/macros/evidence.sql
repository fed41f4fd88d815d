{# How far two windows of sales lie apart, in standard errors of what chance alone makes of an even demand.

   Of all units sold in both, a window's share of the days is expected in it. The error is the greater of two: of
   single units that come by themselves (Poisson, given their sum), and of the days as they are, where orders are large
   or days differ. Half a unit is taken off, as units are whole. Null where nothing was sold or a window has no day. #}
{% macro change_score(units, days, variance, units_before, days_before, variance_before) -%}
    {%- set share_of_days = share('1.0 * (' ~ days ~ ')', days ~ ' + ' ~ days_before) -%}
    {%- set sold = '(' ~ units ~ ' + ' ~ units_before ~ ')' -%}
    {%- set excess = '(' ~ units ~ ' - ' ~ sold ~ ' * (' ~ share_of_days ~ '))' -%}
    {%- set of_units = sold ~ ' * (' ~ share_of_days ~ ') * (1 - (' ~ share_of_days ~ '))' -%}
    {%- set of_days -%}
        (1 - ({{ share_of_days }})) * (1 - ({{ share_of_days }})) * {{ days }} * coalesce({{ variance }}, 0)
        + ({{ share_of_days }}) * ({{ share_of_days }}) * {{ days_before }} * coalesce({{ variance_before }}, 0)
    {%- endset -%}
    case
        when {{ days }} = 0 or {{ days_before }} = 0 or {{ sold }} = 0 then null
        when abs({{ excess }}) <= 0.5 then 0
        else sign({{ excess }}) * {{ share('abs(' ~ excess ~ ') - 0.5', 'sqrt(greatest(' ~ of_units ~ ', ' ~ of_days ~ '))') }}
    end
{%- endmacro %}
