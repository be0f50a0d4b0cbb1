-- Every line in force that an alive console shows: quantity = kept + reclaimable + unassigned; the difference is 0.
SELECT contract_id, line_no, product, quantity, kept, reclaimable, unassigned,
       quantity - kept - reclaimable - unassigned AS difference
FROM entitlement_positions
WHERE in_force AND observed
ORDER BY contract_id, line_no;
