"""What a course's authors need: skeletons, what follows from the cells, the rules, what is left."""
