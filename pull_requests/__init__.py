"""What a pull request changes, told in one comment: resources, plan, policies, picture.

Runs the same in a workflow and on a laptop: `make pr-preview BASE=main`. It knows Pulumi by what Pulumi
prints, so that policies and components may change without it.
"""
