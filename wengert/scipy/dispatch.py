"""placeholder"""
import numpy as np
def speaks(v): return (hasattr(v,'__array_function__') and not isinstance(v,np.ndarray)) or (isinstance(v,(list,tuple)) and any(map(speaks,v)))
def answers(function, name=""):
    def register(definition):
        def public(*a, **k):
            if any(map(speaks,(*a,*k.values()))):
                if definition is None: raise TypeError(f"{name} takes no Variables")
                return definition(*a,**k)
            return function(*a,**k)
        return public
    return register
