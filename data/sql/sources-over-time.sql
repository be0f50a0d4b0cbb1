-- Each source's verdicts, one column a period.
PIVOT (SELECT period, feed, source, verdict FROM sources) ON period USING any_value(verdict)
ORDER BY feed, source;
