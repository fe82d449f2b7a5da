import numpy as np
from dataclasses import dataclass
from PIL import Image, ImageFilter
from app.core.digit import Digit
from app.core.ink import find_ink
from app.errors import BlankImageError
FILTER=Image.Resampling.BILINEAR
PCT=75
@dataclass
class Prepared:
    digit: Digit; inverted: bool; box: tuple; warnings: tuple; dbg: object=None

def prepare(grey):
    for pix,inv in ((grey,False),(255-grey,True)):
        if is_mnist(pix):
            return Prepared(Digit.of(pix),inv,(0,0,0,0),())
    ink=find_ink(grey); x0=y0=0
    if ink is None: raise BlankImageError('blank')
    l,t,r,b=ink.box
    if ink.step>1:
        m=max(r-l,b-t)//3+2; s=ink.step
        X0,Y0=max(0,(l-m))*s,max(0,(t-m))*s
        part=grey[Y0:(b+m)*s,X0:(r+m)*s]
        again=find_ink(np.ascontiguousarray(part)) 
        if again is not None and again.step<ink.step: ink=again;x0,y0=X0,Y0
    l,t,r,b=ink.box; s=ink.step
    return Prepared(Digit.of(fit(ink)),ink.dark,(x0+l*s,y0+t*s,(r-l)*s,(b-t)*s),(),ink)
FINE=4
TARGET=1.8
def width(a):
    p=np.pad(a,1); P=np.abs(np.diff(p,axis=0)).sum()+np.abs(np.diff(p,axis=1)).sum()
    return 2*a.sum()/(P*np.pi/4)
def resize(a,side,filt):
    h,w=a.shape; sc=side/max(h,w)
    return np.asarray(Image.fromarray(np.ascontiguousarray(a,np.float32)).resize((max(1,round(w*sc)),max(1,round(h*sc))),filt))
def brighten(v):
    ref=np.percentile(v[v>.1*v.max()],PCT)
    return np.clip(v*max(1,1/ref),0,1)
def thicken(a):
    v=brighten(resize(a,20*FINE,Image.Resampling.BOX if max(a.shape)>20*FINE else Image.Resampling.BILINEAR))
    r=int(np.ceil((TARGET*FINE-width(v))/2))
    if r<1: return a
    v=np.pad(v,r)
    return np.asarray(Image.fromarray(v).filter(ImageFilter.MaxFilter(2*r+1)))
def fit(ink):
    l,t,r,b=ink.box
    a=ink.amount[t:b,l:r]
    if width(a)*20/max(a.shape)<TARGET: a=thicken(a)
    v=brighten(resize(a,20,FILTER)); nh,nw=v.shape
    v=np.rint(v*255).astype(np.uint8)
    m=v.astype(float); 
    cy=(m.sum(1)*np.arange(nh)).sum()/m.sum(); cx=(m.sum(0)*np.arange(nw)).sum()/m.sum()
    y=min(max(int(round(14-cy)),0),28-nh); x=min(max(int(round(14-cx)),0),28-nw)
    out=np.zeros((28,28),np.uint8); out[y:y+nh,x:x+nw]=v
    return out
def is_mnist(p):
    if p.shape!=(28,28): return False
    if np.median(np.concatenate([p[0],p[-1],p[:,0],p[:,-1]]))!=0: return False
    r=np.flatnonzero(p.any(1)); c=np.flatnonzero(p.any(0))
    if not r.size: return False
    s=max(r[-1]-r[0],c[-1]-c[0])+1
    if not 18<=s<=20: return False
    m=p.astype(float); g=np.arange(28)
    return abs((m.sum(1)*g).sum()/m.sum()-14)<=1 and abs((m.sum(0)*g).sum()/m.sum()-14)<=1
def pixels_to_grey(pixels):
    a=np.asarray(pixels,np.float64)
    from app.errors import InvalidParameterError
    if a.shape!=(28,28) or a.min()<0 or a.max()>255: raise InvalidParameterError("pixels must be 28x28 numbers 0..255 or 0..1")
    return np.rint(a*(255 if a.max()<=1 else 1)).astype(np.uint8)
