-- How the figures over everything went from period to period; empty = nothing to measure, or a source was down.
PIVOT (SELECT name, period, value::DOUBLE AS value FROM metrics WHERE scope = 'all' AND unit = 'share')
ON period USING first(value) ORDER BY name;
