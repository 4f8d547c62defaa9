"""How data arrives: every module here turns one kind of delivery into blocks of records."""
