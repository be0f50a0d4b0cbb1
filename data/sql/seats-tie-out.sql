-- Every line in force: quantity = kept + reclaimable + unassigned, with the difference, which is always 0.
SELECT contract_id, line_no, product, quantity, kept, reclaimable, unassigned,
       quantity - kept - reclaimable - unassigned AS difference
FROM entitlement_positions
WHERE in_force AND metric = 'user'
ORDER BY contract_id, line_no;
