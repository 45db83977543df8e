"""Pages for firm admins: how things stand, staff, walls, who can see what and why, and the audit log (O1, O2).

Being an admin shows nobody more of a matter: what each page has is what the operations give for this admin's sight.
"""
