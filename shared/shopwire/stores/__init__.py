"""Everything that reads or writes the DynamoDB table. No decision is made here."""
