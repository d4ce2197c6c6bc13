/*! bimotion, Apache-2.0, with ONNX Runtime Web, MIT (NOTICE.txt). Built from web/ by `npm ci && npm run build`; do not edit.
sources sha256: da9e3e1d581f51d7a4fc3ad8c1468439901c61916162be193e23618fb894a8cb */
var d=(a=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(a,{get:(b,c)=>(typeof require<"u"?require:b)[c]}):a)(function(a){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+a+'" is not supported')});export{d as a};
