"""A stack whose `pulumi up` was killed, brought back to where the next one goes on.

Through the Pulumi command line alone, so that it is the same against Azure and against localcloud.
"""

from recovery.recover import RecoveryError, recover, unfinished

__all__ = ["RecoveryError", "recover", "unfinished"]
