"""The firm: staff, matters, walls, conversations, and the policy that decides who may do what. Pure."""
