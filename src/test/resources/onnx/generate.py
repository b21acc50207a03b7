#!/usr/bin/env python3
"""Writes small networks as PyTorch exports them to ONNX, an input (-x.npy) and PyTorch's output for it (-y.npy).

usage: generate.py FOLDER        needs: torch, numpy

Each network is written for the versions of ONNX's operators that it can be, with a fixed and with an open batch. The files in
src/test/resources/onnx are some of them; a folder of all is tested with -Dondine.onnx.files=FOLDER. The exporter through TorchScript is
used: it makes the many small operations around shapes that files in the wild have.
"""
import os, sys, warnings; warnings.filterwarnings("ignore")
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

# It would only look for functions of onnxscript, of which there are none here, and needs the package onnx for it.
onnx_proto_utils._add_onnxscript_fn = lambda model_bytes, custom_opsets: model_bytes
out = sys.argv[1]
torch.manual_seed(0)
def scramble(m):
    for k in m.modules():
        if isinstance(k,(nn.BatchNorm1d,nn.BatchNorm2d,nn.BatchNorm3d)):
            k.running_mean.uniform_(-.5,.5); k.running_var.uniform_(.5,1.5); nn.init.uniform_(k.weight,.5,1.5); nn.init.uniform_(k.bias,-.5,.5)
    return m.eval()
class Block(nn.Module):
    def __init__(s,i,o,stride):
        super().__init__()
        s.conv1=nn.Conv2d(i,o,3,stride,1,bias=False); s.bn1=nn.BatchNorm2d(o); s.conv2=nn.Conv2d(o,o,3,1,1,bias=False); s.bn2=nn.BatchNorm2d(o,momentum=.2)
        s.downsample=nn.Sequential(nn.Conv2d(i,o,1,stride,bias=False),nn.BatchNorm2d(o)) if stride!=1 or i!=o else None
    def forward(s,x):
        y=s.bn2(s.conv2(F.relu(s.bn1(s.conv1(x)))))
        return F.relu(y+(x if s.downsample is None else s.downsample(x)))
class ResNet(nn.Module):
    def __init__(s):
        super().__init__()
        s.conv1=nn.Conv2d(3,8,7,2,3,bias=False); s.bn1=nn.BatchNorm2d(8); s.layer1=Block(8,8,1); s.layer2=Block(8,12,2); s.fc=nn.Linear(12,5)
    def forward(s,x):
        x=F.max_pool2d(F.relu(s.bn1(s.conv1(x))),3,2,1); x=s.layer2(s.layer1(x)); return s.fc(torch.flatten(F.adaptive_avg_pool2d(x,1),1))
class Inverted(nn.Module):
    def __init__(s,i,o,stride,t,act):
        super().__init__(); h=i*t
        s.conv=nn.Sequential(nn.Conv2d(i,h,1,bias=False),nn.BatchNorm2d(h),act(),nn.Conv2d(h,h,3,stride,1,groups=h,bias=False),nn.BatchNorm2d(h),act(),nn.Conv2d(h,o,1,bias=False),nn.BatchNorm2d(o)); s.use=stride==1 and i==o
    def forward(s,x): return x+s.conv(x) if s.use else s.conv(x)
class SE(nn.Module):
    def __init__(s,c):
        super().__init__(); s.fc1=nn.Conv2d(c,2,1); s.fc2=nn.Conv2d(2,c,1)
    def forward(s,x): return x*F.hardsigmoid(s.fc2(F.relu(s.fc1(F.adaptive_avg_pool2d(x,1)))))
class Mobile(nn.Module):
    def __init__(s):
        super().__init__()
        s.features=nn.Sequential(nn.Conv2d(3,6,3,2,1,bias=False),nn.BatchNorm2d(6),nn.ReLU6(),Inverted(6,6,1,2,nn.ReLU6),Inverted(6,8,2,3,nn.Hardswish),SE(8),nn.Conv2d(8,10,1,bias=False),nn.BatchNorm2d(10),nn.SiLU())
        s.classifier=nn.Sequential(nn.Dropout(.2),nn.Linear(10,5))
    def forward(s,x): return s.classifier(s.features(x).mean([2,3]))
class Attention(nn.Module):
    def __init__(s,d,h):
        super().__init__(); s.h=h; s.qkv=nn.Linear(d,3*d); s.proj=nn.Linear(d,d)
    def forward(s,x):
        B,T,D=x.shape
        q,k,v=s.qkv(x).reshape(B,T,3,s.h,D//s.h).permute(2,0,3,1,4).unbind(0)
        return s.proj(F.scaled_dot_product_attention(q,k,v).transpose(1,2).reshape(B,T,D))
class VitBlock(nn.Module):
    def __init__(s,d,h):
        super().__init__(); s.norm1=nn.LayerNorm(d); s.attn=Attention(d,h); s.norm2=nn.LayerNorm(d); s.mlp=nn.Sequential(nn.Linear(d,2*d),nn.GELU(),nn.Linear(2*d,d))
    def forward(s,x):
        x=x+s.attn(s.norm1(x)); return x+s.mlp(s.norm2(x))
class Vit(nn.Module):
    def __init__(s):
        super().__init__(); d=12
        s.patch_embed=nn.Conv2d(3,d,4,4); s.cls_token=nn.Parameter(torch.randn(1,1,d)); s.pos_embed=nn.Parameter(torch.randn(1,17,d)*.3); s.blocks=nn.Sequential(VitBlock(d,3),VitBlock(d,2)); s.norm=nn.LayerNorm(d); s.head=nn.Linear(d,5)
    def forward(s,x):
        x=s.patch_embed(x).flatten(2).transpose(1,2); x=torch.cat([s.cls_token.expand(x.shape[0],-1,-1),x],1)+s.pos_embed
        return s.head(s.norm(s.blocks(x))[:,0])
class Auto(nn.Module):
    def __init__(s):
        super().__init__()
        s.encoder=nn.Sequential(nn.Conv2d(3,8,3,2,1,padding_mode='reflect'),nn.GroupNorm(2,8),nn.LeakyReLU(.1),nn.Conv2d(8,12,3,2,1),nn.InstanceNorm2d(12,affine=True),nn.PReLU(12))
        s.decoder=nn.Sequential(nn.ConvTranspose2d(12,8,3,2,1,output_padding=1),nn.ELU(),nn.Upsample(scale_factor=2,mode='nearest'),nn.Conv2d(8,4,3,1,1),nn.Softplus(),nn.Upsample(scale_factor=2,mode='bilinear',align_corners=False),nn.AvgPool2d(2,ceil_mode=True),nn.PixelShuffle(2),nn.Conv2d(1,3,3,2,1),nn.Sigmoid())
    def forward(s,x): return s.decoder(s.encoder(x))
class Tokens(nn.Module):
    def __init__(s):
        super().__init__(); d=8
        s.embed=nn.Embedding(50,d); s.pos=nn.Parameter(torch.randn(1,6,d)); s.encoder=nn.TransformerEncoderLayer(d,2,16,batch_first=True,activation='gelu'); s.fc=nn.Linear(d,4)
    def forward(s,t): return F.log_softmax(s.fc(s.encoder(s.embed(t)+s.pos).mean(1)),-1)
class Volume(nn.Module):
    def __init__(s):
        super().__init__()
        s.conv=nn.Conv3d(2,4,3,1,1); s.bn=nn.BatchNorm3d(4); s.up=nn.ConvTranspose3d(4,2,2,2); s.pool=nn.AvgPool3d(2); s.max=nn.MaxPool3d((1,2,2),dilation=(1,1,2))
    def forward(s,x): return s.max(s.pool(s.up(torch.tanh(s.bn(s.conv(x))))))
class Sequence(nn.Module):
    def __init__(s):
        super().__init__()
        s.net=nn.Sequential(nn.Conv1d(3,8,5,2,2,dilation=1),nn.BatchNorm1d(8),nn.Mish(),nn.MaxPool1d(3,2,1,dilation=2),nn.Conv1d(8,8,3,dilation=2,groups=4),nn.SELU(),nn.AdaptiveMaxPool1d(1),nn.Flatten(),nn.Linear(8,4),nn.BatchNorm1d(4),nn.Softmax(1))
    def forward(s,x): return s.net(x)
image=(3,16,16)
for name,net,shape,opsets in [("resnet",ResNet(),(3,32,32),(9,11,13,17)),("mobilenet",Mobile(),image,(9,11,13,14,17,18)),("vit",Vit(),image,(11,13,14,17,18,20)),("autoencoder",Auto(),image,(11,13,17,18)),("tokens",Tokens(),(6,),(11,14,17)),("volume",Volume(),(2,4,6,8),(11,13,17)),("sequence",Sequence(),(3,40),(11,14,17))]:
    scramble(net)
    def data(n): return torch.randint(0,50,(n,)+shape) if name=="tokens" else torch.randn((n,)+shape)
    for o in opsets:
        for dyn in (False,True):
            x=data(2)
            f=f"{out}/{name}-{o}-{'dynamic' if dyn else 'static'}"
            try:
                torch.onnx.export(net,(data(1) if dyn else x,),f+".onnx",dynamo=False,opset_version=o,input_names=["x"],output_names=["y"],dynamic_axes={"x":{0:"n"},"y":{0:"n"}} if dyn else None)
            except Exception as e:
                print(f, repr(e)[:300]); continue
            with torch.no_grad(): y=net(x)
            np.save(f+"-x.npy",x.numpy()); np.save(f+"-y.npy",y.numpy())
            print(f, os.path.getsize(f+".onnx"))
