"""Sources of the directory that are asked: against fakes of ours."""
