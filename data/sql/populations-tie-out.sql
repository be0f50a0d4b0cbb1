-- Rules whose population does not divide into its parts: there are none.
FROM rule_runs
WHERE population <> fired + superseded + exempt + clean + unknown + not_evaluated;
