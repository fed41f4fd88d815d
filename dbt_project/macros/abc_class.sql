{# A, B or C by the share that better sellers make; what sold nothing is C, and where nothing is known there is none. #}
{% macro abc_class(share_before, amount) -%}
    case
        when {{ share_before }} is null then null
        when {{ amount }} <= 0 then 'C'
        when {{ share_before }} < {{ var('a_share') }} then 'A'
        when {{ share_before }} < {{ var('b_share') }} then 'B'
        else 'C'
    end
{%- endmacro %}
